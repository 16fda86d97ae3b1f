import django.db.models.deletion
import django.utils.timezone
import hub.tenancy.context
import hub.tenancy.fields
import hub.tenancy.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_readiness'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('tenancy', '0004_sending_stopped'),
        ('work', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='task',
            name='helped',
            field=models.CharField(blank=True, choices=[('yes', 'It helped'), ('no', 'It did not help'), ('too_soon', 'Too soon to say')], db_default='', default='', max_length=16),
        ),
        migrations.AddField(
            model_name='task',
            name='respond_by',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='task',
            name='responded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='task',
            name='responded_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='task',
            name='response',
            field=models.CharField(blank=True, choices=[('take', 'took it on'), ('tick', 'ticked a step'), ('contact', 'spoke with the customer'), ('complete', 'did it'), ('dismiss', 'dismissed it')], db_default='', default='', max_length=16),
        ),
        migrations.AddField(
            model_name='task',
            name='snooze_reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='task',
            name='snoozed_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.UUIDField(default=hub.tenancy.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_read_at', models.DateTimeField(blank=True, null=True)),
                ('tenant', hub.tenancy.fields.TenantField(db_index=False, default=hub.tenancy.context.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'user'), name='calendar_feed_user')],
            },
        ),
        migrations.CreateModel(
            name='Playbook',
            fields=[
                ('id', models.UUIDField(default=hub.tenancy.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=64)),
                ('name', models.CharField(max_length=200)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('live', models.PositiveIntegerField(default=1)),
                ('ships', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('tenant', hub.tenancy.fields.TenantField(db_index=False, default=hub.tenancy.context.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'key'), name='playbook_key')],
            },
        ),
        migrations.CreateModel(
            name='PlaybookVersion',
            fields=[
                ('id', models.UUIDField(default=hub.tenancy.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('steps', models.JSONField(default=list)),
                ('talk_track', models.TextField(blank=True)),
                ('links', models.JSONField(blank=True, default=list)),
                ('respond_hours', models.PositiveIntegerField(blank=True, null=True)),
                ('clock', models.CharField(blank=True, choices=[('calendar', 'every hour counts'), ('business', 'only hours of working days count')], max_length=16)),
                ('saved_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('playbook', hub.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='work.playbook')),
                ('saved_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', hub.tenancy.fields.TenantField(db_index=False, default=hub.tenancy.context.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'playbook', 'number'), name='playbook_version')],
            },
        ),
        migrations.AddField(
            model_name='task',
            name='playbook_version',
            field=hub.tenancy.fields.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tasks', to='work.playbookversion'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(fields=['tenant', 'created_at'], name='task_created'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('playbook_version__isnull', False)), fields=['tenant', 'playbook_version'], name='task_playbook'),
        ),
        migrations.CreateModel(
            name='TaskTick',
            fields=[
                ('id', models.UUIDField(default=hub.tenancy.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('step', models.CharField(max_length=64)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('task', hub.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='ticks', to='work.task')),
                ('tenant', hub.tenancy.fields.TenantField(db_index=False, default=hub.tenancy.context.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'task', 'step'), name='task_tick_step')],
            },
        ),
    ]
